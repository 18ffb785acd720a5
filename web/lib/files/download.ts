// Downloads: of text that the page has, or from a URL.

/** Have the browser save text as a file. */
export function download(name: string, text: string, type = "text/csv"): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

/** Have the browser download a URL under the name that the server gives. The content may have any size; none of it is held here. */
export function downloadFrom(href: string): void {
  save(href, "");
}

function save(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}
