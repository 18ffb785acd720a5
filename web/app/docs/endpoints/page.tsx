import { Doc, docMetadata } from "@/components/docs/doc";
import { EndpointsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("endpoints");

export default function EndpointsPage() {
  return (
    <Doc
      slug="endpoints"
      lead="The base URL for an SDK is the gateway's address followed by `/v1`."
      sections={[
        {
          id: "routes",
          title: "Routes",
          body: (
            <>
              <Bullets
                items={[
                  "`POST /v1/responses` for the primary OpenAI-compatible responses API.",
                  "`POST /v1/chat/completions` for legacy chat completion clients.",
                  "`GET /v1/models` for available models, capabilities, and pricing metadata.",
                  "`POST /v1/files` and `GET /v1/files/:id` for supported file inputs.",
                ]}
              />
              <P>Send your key with each request, as `Authorization: Bearer sk-rr-...`. All routes:</P>
              <EndpointsTable caption="Routes under /v1" under="/v1" />
            </>
          ),
        },
        {
          id: "responses",
          title: "Responses",
          body: (
            <>
              <P>
                Send `input` to get a response object, or, with `"stream": true`, its [events](/docs/streaming). This
                works with every model, whichever provider serves it.
              </P>
              <Bullets
                items={[
                  "The gateway stores nothing: `store` is always false in the response, and each request must contain the whole conversation.",
                  "Parameters that need stored state are rejected by name: `previous_response_id`, `conversation`, `prompt` and `background`.",
                  "If you set no output limit, the gateway adds its default to the request and holds for it. Set `max_output_tokens` to hold less, or to allow more.",
                  "Nothing is silently dropped: a parameter that the provider does not support gets 400, and `param` names it.",
                ]}
              />
            </>
          ),
        },
        {
          id: "chat",
          title: "Chat completions",
          body: (
            <>
              <P>
                The same models, in the older format. If a provider speaks another protocol, requests and responses are
                translated on the fly.
              </P>
              <Snippet title="Chat completion" files={["chat.py", "chat.mjs", "chat.sh"]} />
            </>
          ),
        },
        {
          id: "models",
          title: "Models",
          body: (
            <>
              <P>
                The list is public; with a key, it contains only the models that the key may use. In addition to
                OpenAI's fields, each entry has `capabilities` and `pricing`: USD per token, search or image, as decimal
                strings. The [models page](/models) shows the same list.
              </P>
              <Snippet title="List models" files={["models.py", "models.mjs", "models.sh"]} />
            </>
          ),
        },
        {
          id: "files",
          title: "Files",
          body: <P>Upload a PDF once and use it in requests. See [PDF and file input](/docs/files).</P>,
        },
      ]}
    />
  );
}
