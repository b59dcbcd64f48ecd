/* Uploads: a real file input in the drop zone, sent as one raw body so that neither the browser nor the
   server holds the file in memory. The server answers with the dataset or with one sentence. */

(function () {
  "use strict";

  const URL_OF_DATASETS = "/api/datasets";
  const ACCEPTED = ".csv,.tsv,.txt,.gz,.parquet,.pq";
  let request = null;

  const zone = () => document.getElementById("drop-zone");
  const setProps = (id, props) => window.dash_clientside.set_props(id, props);

  function say(text, colour) {
    setProps("drop-message", {
      children: text
        ? {
            namespace: "dash_mantine_components",
            type: "Alert",
            props: { children: text, color: colour, variant: "light", p: "xs" },
          }
        : null,
    });
  }

  function busy(on) {
    const element = zone();
    if (element) {
      element.classList.toggle("busy", on);
    }
    setProps("drop-progress", { value: 0, animated: false });
  }

  function megabytes(bytes) {
    return bytes >= 1e7 ? Math.round(bytes / 1e6).toLocaleString("en") : (bytes / 1e6).toFixed(1);
  }

  function refusal(file) {
    const most = Number(zone().dataset.maxMb);
    if (file.size > most * 1e6) {
      return (
        `Expected a file of at most ${most} MB, got ${megabytes(file.size)} MB (${file.name}). ` +
        "Keep only the columns or rows that matter, or save it as Parquet, which is far smaller."
      );
    }
    if (file.size === 0) {
      return `Expected a table, got an empty file (${file.name}). Check that it was saved completely.`;
    }
    return null;
  }

  function answerOf(xhr) {
    try {
      return JSON.parse(xhr.responseText);
    } catch {
      return {};
    }
  }

  function send(file) {
    if (request) {
      say("Expected one file at a time: the upload before this one is still running.", "yellow");
      return;
    }
    const wrong = refusal(file);
    if (wrong) {
      say(wrong, "red");
      return;
    }
    say(null);
    busy(true);
    const xhr = (request = new XMLHttpRequest());
    xhr.open("POST", `${URL_OF_DATASETS}?name=${encodeURIComponent(file.name)}`);
    xhr.setRequestHeader("Content-Type", "application/octet-stream");
    xhr.upload.onprogress = (event) => {
      const part = event.lengthComputable ? event.loaded / event.total : 0;
      // Arrived is not yet read: the stripes move while the server reads the table.
      setProps("drop-progress", { value: 100 * part, animated: part === 1 });
    };
    xhr.onload = () => {
      const answer = answerOf(xhr);
      if (xhr.status === 201 && answer.dataset) {
        setProps("uploaded", { data: { ...answer.dataset, at: Date.now() } });
      } else if (answer.error) {
        say(answer.error.message, "red");
      } else {
        say(`The server answered with status ${xhr.status} and no explanation. Try again.`, "red");
      }
    };
    xhr.onerror = () => say("The server could not be reached. Is it still running? Try again.", "red");
    xhr.onabort = () => say("Upload cancelled.", "gray");
    xhr.onloadend = () => {
      request = null;
      busy(false);
    };
    xhr.send(file);
  }

  function addInput(holder) {
    const input = document.createElement("input");
    input.type = "file";
    input.id = "drop-file";
    input.accept = ACCEPTED;
    input.setAttribute("aria-label", "Choose a CSV, TSV or Parquet file to upload");
    input.addEventListener("change", () => {
      if (input.files.length) {
        send(input.files[0]);
      }
      input.value = ""; // the same file again is a change, too
    });
    holder.appendChild(input);
  }

  function dragged(event) {
    const inside = event.target.closest && event.target.closest("#drop-zone");
    if (!event.dataTransfer || !Array.from(event.dataTransfer.types).includes("Files")) {
      return;
    }
    event.preventDefault(); // a file dropped beside the zone must not replace the page
    const element = zone();
    if (element) {
      element.classList.toggle("over", Boolean(inside) && event.type === "dragover");
    }
    if (event.type === "drop" && inside && event.dataTransfer.files.length) {
      send(event.dataTransfer.files[0]);
    }
  }

  document.addEventListener("dragover", dragged);
  document.addEventListener("dragleave", dragged);
  document.addEventListener("drop", dragged);
  document.addEventListener("click", (event) => {
    if (request && event.target.closest && event.target.closest("#drop-cancel")) {
      request.abort();
    }
  });

  // The page is drawn by React some time after this script runs.
  new MutationObserver(() => {
    const holder = document.getElementById("drop-input");
    if (holder && !holder.firstChild) {
      addInput(holder);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
