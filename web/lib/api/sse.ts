// Server-sent events parsed from bytes as the HTML standard defines, except ids and retries.
//
// Rule 1: the events do not depend on how the bytes are split.
// Rule 2: an event that is not ended by an empty line is discarded.

export type ServerEvent = { name: string; data: string };

export const EVENT_CHARS_MAX = 8 * 1024 * 1024;

export class SseTooLarge extends Error {}

export class SseReader {
  private readonly decoder = new TextDecoder();
  private line = "";
  private afterReturn = false;
  private name = "";
  private data: string[] = [];
  private size = 0;

  /** The events that these bytes complete. Throws SseTooLarge. */
  feed(bytes: Uint8Array): ServerEvent[] {
    const events: ServerEvent[] = [];
    let text = this.decoder.decode(bytes, { stream: true });
    if (!text) return events;
    if (this.afterReturn && text.startsWith("\n")) text = text.slice(1);
    this.afterReturn = text.endsWith("\r");
    const [first = "", ...others] = text.split(/\r\n|\r|\n/);
    this.grow(first);
    for (const next of others) {
      const event = this.end(this.line);
      if (event) events.push(event);
      this.line = "";
      this.grow(next);
    }
    return events;
  }

  private grow(text: string): void {
    this.line += text;
    this.size += text.length;
    if (this.size > EVENT_CHARS_MAX) throw new SseTooLarge(`an event of more than ${EVENT_CHARS_MAX} characters`);
  }

  private end(line: string): ServerEvent | null {
    if (line === "") return this.take();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.name = value;
    if (field === "data") this.data.push(value);
    return null;
  }

  private take(): ServerEvent | null {
    const event = this.data.length > 0 ? { name: this.name || "message", data: this.data.join("\n") } : null;
    this.name = "";
    this.data = [];
    this.size = 0;
    return event;
  }
}
