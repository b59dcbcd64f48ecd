"""An API Gateway on this machine."""
