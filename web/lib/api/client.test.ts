import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, checkFile } from "./client";

const HREF = "/api/exports/parquet?table=usage";

/** A gateway that gives these answers in turn; returns the methods of the requests it receives. */
function gateway(...answers: (Response | Error)[]): string[] {
  const methods: string[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    expect(url).toBe(HREF);
    methods.push(init.method ?? "GET");
    const answer = answers.shift();
    if (answer instanceof Response) return answer;
    throw answer;
  });
  return methods;
}

function refusal(status: number, body: string | null): Response {
  return new Response(body, { status, headers: { "x-request-id": "req_1", "retry-after": "2" } });
}

describe("checking a file before its download", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("starts no download if the gateway would send it", async () => {
    const methods = gateway(new Response(null));
    await checkFile(HREF);
    expect(methods).toEqual(["HEAD"]);
  });

  it("throws the error in the envelope, which only GET returns", async () => {
    const envelope = { error: { message: "Two are under way.", type: "rate_limit", param: null, code: "too_many" } };
    const methods = gateway(refusal(429, null), refusal(429, JSON.stringify(envelope)));
    await expect(checkFile(HREF)).rejects.toEqual(
      new ApiError("Two are under way.", 429, "too_many", null, "req_1", 2),
    );
    expect(methods).toEqual(["HEAD", "GET"]);
  });

  it("throws the status if there is no envelope", async () => {
    gateway(refusal(502, null), refusal(502, "<html>"));
    await expect(checkFile(HREF)).rejects.toMatchObject({
      message: "The gateway responded with status 502.",
      requestId: "req_1",
    });
  });

  it("cancels the download if the reason for the refusal has gone by then", async () => {
    const left = vi.fn();
    gateway(refusal(429, null), new Response(new ReadableStream({ cancel: left })));
    await checkFile(HREF);
    expect(left).toHaveBeenCalledOnce();
  });

  it("throws status 0 if the gateway cannot be reached", async () => {
    gateway(new TypeError("Failed to fetch"));
    await expect(checkFile(HREF)).rejects.toMatchObject({ status: 0 });
  });
});
