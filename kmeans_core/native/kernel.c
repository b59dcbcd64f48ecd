#if defined(_WIN32)
#define CENTAURUS_API __declspec(dllexport)
#else
#define CENTAURUS_API __attribute__((visibility("default")))
#endif

CENTAURUS_API int centaurus_abi_version(void);

/* Changes with every change of an exported function; the binding accepts its own number only. */
int centaurus_abi_version(void) { return 0; }
