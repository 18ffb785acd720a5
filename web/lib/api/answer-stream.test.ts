import { afterEach, describe, expect, it, vi } from "vitest";
import { partOf } from "./answer-stream";
import { ApiError, type StreamPart, streamText } from "./client";

function event(data: unknown) {
  return { name: "message", data: typeof data === "string" ? data : JSON.stringify(data) };
}

describe("an event of a response", () => {
  it("carries text", () => {
    expect(partOf(event({ type: "response.output_text.delta", delta: "Hi" }))).toEqual({ type: "text", delta: "Hi" });
    expect(partOf(event({ type: "response.refusal.delta", delta: "No" }))).toEqual({ type: "text", delta: "No" });
  });

  it.each(["completed", "incomplete"])("ends it: %s", (how) => {
    const part = partOf(event({ type: `response.${how}`, response: { id: "resp_1" } }));
    expect(part).toEqual({ type: "ended", responseId: "resp_1" });
  });

  it.each([
    { type: "error", code: "server_error", message: "It broke.", param: null },
    { type: "error", error: { code: "server_error", message: "It broke." } },
    { error: { code: "server_error", message: "It broke." } },
    { type: "response.failed", response: { error: { code: "server_error", message: "It broke." } } },
  ])("reports a failure: %j", (data) => {
    expect(partOf(event(data))).toEqual({ type: "failed", message: "It broke.", code: "server_error" });
  });

  it.each(["[DONE]", "null", "7", "[]", "{", { type: "response.created" }, { type: "response.output_text.delta" }])(
    "is ignored if it is %j",
    (data) => {
      expect(partOf(event(data))).toBeNull();
    },
  );
});

describe("a streamed response", () => {
  const ask = { apiKey: "sk-rr-x", model: "m", input: "Hi" };
  const completed = { type: "response.completed", response: { id: "resp_1" } };

  afterEach(() => vi.unstubAllGlobals());

  /** A gateway that answers with these bytes; returns the requests it receives. */
  function served(status: number, body: string, headers: Record<string, string> = {}) {
    const requests: Request[] = [];
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      requests.push(new Request(new URL(url, "http://gateway.test"), init));
      return new Response(body, { status, headers: { "x-request-id": "req_1", ...headers } });
    });
    return requests;
  }

  async function parts(): Promise<StreamPart[]> {
    const found: StreamPart[] = [];
    for await (const part of streamText(ask, new AbortController().signal)) found.push(part);
    return found;
  }

  it("is requested with the key alone, and arrives in parts", async () => {
    const delta = { type: "response.output_text.delta", delta: "Hi" };
    const requests = served(
      200,
      `data: ${JSON.stringify(delta)}\n\ndata: ${JSON.stringify(completed)}\n\ndata: [DONE]\n\n`,
    );
    expect(await parts()).toEqual([
      { type: "opened", requestId: "req_1" },
      { type: "text", delta: "Hi" },
      { type: "ended", responseId: "resp_1" },
    ]);
    const [request] = requests;
    expect(request?.url).toBe("http://gateway.test/v1/responses");
    expect(request?.credentials).toBe("omit");
    expect(request?.headers.get("authorization")).toBe("Bearer sk-rr-x");
    expect(await request?.json()).toEqual({ model: "m", input: "Hi", stream: true });
  });

  it("that is refused throws the reason", async () => {
    served(
      402,
      JSON.stringify({ error: { message: "Too little.", type: "t", param: null, code: "insufficient_quota" } }),
    );
    const thrown = await parts().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({
      status: 402,
      code: "insufficient_quota",
      message: "Too little.",
      requestId: "req_1",
    });
  });

  it("that is cut off is a failure", async () => {
    served(200, 'data: {"type":"response.output_text.delta","delta":"Hi"}\n\n');
    await expect(parts()).rejects.toMatchObject({ requestId: "req_1", message: "The response was cut off." });
  });

  it("that fails midway throws the reason", async () => {
    served(200, 'data: {"type":"error","message":"It broke.","code":"server_error"}\n\n');
    await expect(parts()).rejects.toMatchObject({ message: "It broke.", code: "server_error" });
  });
});
