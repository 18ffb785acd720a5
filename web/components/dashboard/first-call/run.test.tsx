// @vitest-environment happy-dom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { useTestRequest } from "./run";

const ASKED = { apiKey: "sk-rr-x", model: "m", input: "Hi" };
const encoder = new TextEncoder();

/** A gateway that streams scripted events, and reports whether its client disconnected. */
function gateway() {
  const streams: { say: (data: object) => void; left: () => boolean }[] = [];
  vi.stubGlobal("fetch", async (_url: string, { signal }: RequestInit) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    signal?.addEventListener("abort", () => void writer.abort(new DOMException("left", "AbortError")));
    streams.push({
      say: (data) => void writer.write(encoder.encode(`data: ${JSON.stringify(data)}\n\n`)),
      left: () => signal?.aborted ?? false,
    });
    return new Response(readable);
  });
  return streams;
}

function started() {
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  return renderHook(() => useTestRequest(), { wrapper });
}

describe("a test request", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("shows text as it arrives, and is done when the response completes", async () => {
    const streams = gateway();
    const { result } = started();
    expect(result.current.phase).toBe("idle");
    act(() => void result.current.send(ASKED));
    await waitFor(() => expect(result.current.phase).toBe("answering"));
    for (const delta of ["Good ", "day"]) streams[0]?.say({ type: "response.output_text.delta", delta });
    await waitFor(() => expect(result.current.text).toBe("Good day"));
    expect(result.current.underWay).toBe(true);
    streams[0]?.say({ type: "response.completed", response: { id: "resp_1" } });
    await waitFor(() => expect(result.current.phase).toBe("done"));
    expect(result.current.underWay).toBe(false);
  });

  it("that is stopped disconnects from the gateway, and keeps its text", async () => {
    const streams = gateway();
    const { result } = started();
    act(() => void result.current.send(ASKED));
    await waitFor(() => expect(result.current.phase).toBe("answering"));
    streams[0]?.say({ type: "response.output_text.delta", delta: "Good " });
    await waitFor(() => expect(result.current.text).toBe("Good "));
    act(() => result.current.stop());
    await waitFor(() => expect(result.current.phase).toBe("stopped"));
    expect(result.current.text).toBe("Good ");
    expect(streams[0]?.left()).toBe(true);
  });

  it("is replaced by the next one", async () => {
    const streams = gateway();
    const { result } = started();
    act(() => void result.current.send(ASKED));
    await waitFor(() => expect(streams).toHaveLength(1));
    act(() => void result.current.send(ASKED));
    await waitFor(() => expect(streams).toHaveLength(2));
    streams[1]?.say({ type: "response.output_text.delta", delta: "Second" });
    await waitFor(() => expect(result.current.text).toBe("Second"));
    expect(streams[0]?.left()).toBe(true);
    expect(result.current.phase).toBe("answering");
  });

  it("ends when its page is left", async () => {
    const streams = gateway();
    const { result, unmount } = started();
    act(() => void result.current.send(ASKED));
    await waitFor(() => expect(result.current.phase).toBe("answering"));
    unmount();
    expect(streams[0]?.left()).toBe(true);
  });
});
