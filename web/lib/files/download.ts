// Files: of a text that is here, or from an address.

/** Gives a text to the browser to be saved as a file. */
export function download(name: string, text: string, type = "text/csv"): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

/** Has the browser save what an address sends, under the name that it is sent with: of any length, none of it is held here. */
export function downloadFrom(href: string): void {
  save(href, "");
}

function save(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}
