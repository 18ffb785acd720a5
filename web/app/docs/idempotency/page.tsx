import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("idempotency");

export default function IdempotencyPage() {
  return (
    <Doc
      slug="idempotency"
      lead="Send an `Idempotency-Key`, and a repeat of the request is never a second charge."
      sections={[
        {
          id: "send",
          title: "Send a key",
          body: <Snippet title="Idempotency" files={["idempotency.py", "idempotency.mjs", "idempotency.sh"]} />,
        },
        {
          id: "rules",
          title: "The rules",
          body: (
            <Bullets
              items={[
                "On `POST /v1/responses` and `POST /v1/chat/completions`: 1 to 255 printable ASCII characters. It belongs to the account, whichever of its keys sends it.",
                "The first request that gets a hold uses it up, for good.",
                "A repeat holds nothing, calls no provider, and is answered 409 `idempotency_key_used` with `request_id` and `state`: `open`, `debited` or `released`.",
                "The answer itself is not kept: what a repeat tells is what became of the first, and under which id its [receipt](/docs/receipts) stands.",
                "A request that was refused before its hold (400, 401, 402, 403, 404, 429) has used nothing, and may be sent again under the same key.",
              ]}
            />
          ),
        },
        {
          id: "retries",
          title: "Retries of the SDKs",
          body: (
            <P>
              The OpenAI SDKs retry 408, 409, 429 and 5xx by themselves. An error before the first byte has cost
              nothing, so that is safe without a key. With one, the 409 of a repeat carries `x-should-retry: false`, and
              they stop. A key is for what they cannot see: a connection that broke after the answer was complete, or a
              job of yours that starts again.
            </P>
          ),
        },
      ]}
    />
  );
}
