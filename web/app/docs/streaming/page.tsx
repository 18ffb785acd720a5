import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, DocTable, P } from "@/components/docs/prose";
import { InlineCode, rich } from "@/components/docs/rich";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("streaming");

const BROKEN: [string, string][] = [
  [
    "/v1/responses",
    "`event: error` with `code`, `message`, `param` and `sequence_number` side by side; then `response.failed` with the response begun; then `[DONE]`.",
  ],
  ["/v1/chat/completions", 'A frame `data: {"error": {...}}`, as in an error\'s body, and no `[DONE]`.'],
];

export default function StreamingPage() {
  return (
    <Doc
      slug="streaming"
      lead="With `stream`, an answer comes as server-sent events, in OpenAI's order and shape, whichever provider writes it."
      sections={[
        {
          id: "stream",
          title: "Stream an answer",
          body: <Snippet title="Streaming" files={["streaming.py", "streaming.mjs", "streaming.sh"]} />,
        },
        {
          id: "events",
          title: "What comes",
          body: (
            <>
              <Bullets
                items={[
                  "The first byte is sent when the provider's first frame is here. Until then nothing is sent, so that a refusal keeps its status.",
                  "A long silence is filled with the comment `: keep-alive`, which clients skip.",
                  "From the closing frame on (`response.completed` or `response.incomplete`; on chat the chunk that finishes the last choice) nothing is sent before the charge is in the ledger. Whoever holds a complete answer has been charged for it, and nobody else has.",
                  "Chat streams end in `data: [DONE]`, and so do those of responses.",
                  "On chat, ask for the usage with `stream_options.include_usage`: it comes as a last chunk.",
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
                A stream that began and cannot be completed ends in an error of its protocol, with the codes of the
                [error table](/docs/errors), and costs nothing:
              </P>
              <DocTable
                caption="How a broken stream ends"
                head={["Endpoint", "How it ends"]}
                rows={BROKEN.map(([endpoint, how]) => ({
                  key: endpoint,
                  cells: [<InlineCode key="endpoint">{endpoint}</InlineCode>, rich(how)],
                }))}
              />
              <P>The SDKs do not retry a stream that has begun. Ask again: it is a new request.</P>
            </>
          ),
        },
        {
          id: "proxies",
          title: "Proxies",
          body: (
            <P>
              A proxy of yours must not buffer, and must wait as long as a model thinks before its first byte. Streams
              carry `cache-control: no-cache, no-transform` and `x-accel-buffering: no`.
            </P>
          ),
        },
      ]}
    />
  );
}
