import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("idempotency");

export default function IdempotencyPage() {
  return (
    <Doc
      slug="idempotency"
      lead="Send an `Idempotency-Key`, and repeating the request never causes a second charge."
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
                "`POST /v1/responses` and `POST /v1/chat/completions` accept it: 1 to 255 printable ASCII characters. It is scoped to the account, whichever of its API keys sends it.",
                "The first request that gets a hold uses the idempotency key up, permanently.",
                "A repeat holds nothing, calls no provider, and gets 409 `idempotency_key_used` with `request_id` and `state`: `open`, `debited` or `released`.",
                "The response itself is not stored: a repeat only reports the first request's state, and the ID of its [receipt](/docs/receipts).",
                "A request refused before its hold (400, 401, 402, 403, 404, 429) does not use the idempotency key up; you can send it again with the same one.",
              ]}
            />
          ),
        },
        {
          id: "retries",
          title: "SDK retries",
          body: (
            <P>
              The OpenAI SDKs retry 408, 409, 429 and 5xx automatically. An error before the first byte costs nothing,
              so these retries are safe without an idempotency key. With one, the 409 for a repeat carries
              `x-should-retry: false`, and the SDKs stop. Use an idempotency key for what the SDKs cannot see: a
              connection that broke after the response was complete, or a job of yours that is restarted.
            </P>
          ),
        },
      ]}
    />
  );
}
