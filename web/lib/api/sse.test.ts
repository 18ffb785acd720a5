import { describe, expect, it } from "vitest";
import { EVENT_CHARS_MAX, type ServerEvent, SseReader, SseTooLarge } from "./sse";

const TEXT =
  ': keep-alive\n\nevent: response.output_text.delta\ndata: {"delta":"Grüße 🦊"}\n\n' +
  "data:one\r\ndata: two\r\n\r\nevent: empty\n\nid: 7\nretry: 2000\ndata\n\ndata: [DONE]\r\rdata: cut";
const EVENTS: ServerEvent[] = [
  { name: "response.output_text.delta", data: '{"delta":"Grüße 🦊"}' },
  { name: "message", data: "one\ntwo" },
  { name: "message", data: "" },
  { name: "message", data: "[DONE]" },
];

function read(pieces: Uint8Array[]): ServerEvent[] {
  const reader = new SseReader();
  return pieces.flatMap((piece) => reader.feed(piece));
}

describe("server-sent events", () => {
  const bytes = new TextEncoder().encode(TEXT);

  it("are read whole", () => {
    expect(read([bytes])).toEqual(EVENTS);
  });

  it("are read byte by byte", () => {
    expect(read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
  });

  it("are the same wherever the bytes are split", () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(read([bytes.slice(0, at), bytes.slice(at)])).toEqual(EVENTS);
    }
  });

  it("have a size limit", () => {
    const reader = new SseReader();
    reader.feed(new TextEncoder().encode(`data: ${"x".repeat(EVENT_CHARS_MAX - 6)}`));
    expect(() => reader.feed(new TextEncoder().encode("x"))).toThrow(SseTooLarge);
  });

  it("each have their own size limit", () => {
    const reader = new SseReader();
    const half = new TextEncoder().encode(`data: ${"x".repeat(EVENT_CHARS_MAX / 2)}\n\n`);
    expect([half, half, half].flatMap((piece) => reader.feed(piece))).toHaveLength(3);
  });
});
