// @vitest-environment happy-dom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const UNSEALED = { message: "It will be sealed within seconds.", type: "server_error", param: null, code: null };

function unsealed(): Response {
  return Response.json({ error: UNSEALED }, { status: 503, headers: { "x-request-id": "req_1" } });
}

/** Press the button against a gateway with these answers. The API client captures `fetch` when it is imported. */
async function press(answers: Response[]): Promise<void> {
  vi.stubGlobal("fetch", async () => answers.shift());
  vi.resetModules();
  const { SignedReceipt } = await import("./signed-receipt");
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedReceipt id="7" name="top_up-pi_1" />
    </QueryClientProvider>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Download signed receipt" }));
}

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

describe("a signed receipt", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("that is not sealed yet is requested again, and saved under its name", async () => {
    const saved: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      saved.push(this.download);
    });
    await press([unsealed(), new Response("c2sp.org/tlog-proof@v1\n")]);
    await pass(500);
    expect(saved).toEqual([]);
    expect(screen.queryByRole("alert")).toBeNull();
    await pass(1_000);
    expect(saved).toEqual(["top_up-pi_1.tlog-proof"]);
    expect(screen.getByRole("status").textContent).toBe("The receipt has been downloaded.");
  });

  it("that stays unsealed shows why, with the request's ID and a retry button", async () => {
    await press([unsealed(), unsealed(), unsealed()]);
    await pass(5_000);
    const message = screen.getByRole("alert").textContent;
    expect(message).toContain(UNSEALED.message);
    expect(message).toContain("req_1");
    expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
  });
});
