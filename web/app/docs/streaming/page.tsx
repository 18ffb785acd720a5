import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, DocTable, P } from "@/components/docs/prose";
import { InlineCode, rich } from "@/components/docs/rich";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("streaming");

const BROKEN: [string, string][] = [
  [
    "/v1/responses",
    "`event: error` with `code`, `message`, `param` and `sequence_number` at the top level; then `response.failed` with the partial response; then `[DONE]`.",
  ],
  [
    "/v1/chat/completions",
    'A frame `data: {"error": {...}}`, with the same object as an error response, and no `[DONE]`.',
  ],
];

export default function StreamingPage() {
  return (
    <Doc
      slug="streaming"
      lead="With `stream`, a response arrives as server-sent events, in OpenAI's order and shape, whichever provider generates it."
      sections={[
        {
          id: "stream",
          title: "Stream a response",
          body: <Snippet title="Streaming" files={["streaming.py", "streaming.mjs", "streaming.sh"]} />,
        },
        {
          id: "events",
          title: "What to expect",
          body: (
            <>
              <Bullets
                items={[
                  "Nothing is sent until the provider's first frame arrives, so that a refusal keeps its HTTP status.",
                  "During long silences the gateway sends the comment `: keep-alive`, which clients ignore.",
                  "The closing frame (`response.completed` or `response.incomplete`; on chat, the chunk that finishes the last choice) is sent only once the charge is in the ledger. A client that has a complete response has been charged for it; any other has not.",
                  "Streams of both endpoints end with `data: [DONE]`.",
                  "On chat, set `stream_options.include_usage` to receive the usage in a last chunk.",
                ]}
              />
              <Listing
                title="The end of a stream"
                language="text"
                text={
                  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"...", ...}\n\nevent: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","usage":{...}, ...}}\n\ndata: [DONE]'
                }
              />
            </>
          ),
        },
        {
          id: "broken",
          title: "When a stream breaks",
          body: (
            <>
              <P>
                A stream that has started but cannot be completed ends with an error in its protocol's form, with a code
                from the [error table](/docs/errors), and costs nothing:
              </P>
              <DocTable
                caption="How a broken stream ends"
                head={["Endpoint", "How it ends"]}
                rows={BROKEN.map(([endpoint, how]) => ({
                  key: endpoint,
                  cells: [<InlineCode key="endpoint">{endpoint}</InlineCode>, rich(how)],
                }))}
              />
              <P>The SDKs do not retry a stream that has started. Send the request again: it counts as a new one.</P>
            </>
          ),
        },
        {
          id: "proxies",
          title: "Proxies",
          body: (
            <P>
              If you use a proxy, it must not buffer, and its timeout must allow for the time a model thinks before its
              first byte. Streams carry `cache-control: no-cache, no-transform` and `x-accel-buffering: no`.
            </P>
          ),
        },
      ]}
    />
  );
}
