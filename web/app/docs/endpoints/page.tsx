import { Doc, docMetadata } from "@/components/docs/doc";
import { EndpointsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("endpoints");

export default function EndpointsPage() {
  return (
    <Doc
      slug="endpoints"
      lead="The base URL of an SDK is the gateway's address followed by `/v1`."
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
              <P>A key goes with each request, as `Authorization: Bearer sk-rr-...`. All of them:</P>
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
                Send `input`, get a response object; with `"stream": true`, its [events](/docs/streaming). Works with
                every model, whichever provider answers.
              </P>
              <Bullets
                items={[
                  "The gateway keeps nothing: `store` is answered as false, and the whole conversation comes with each request.",
                  "What needs stored state is refused by name: `previous_response_id`, `conversation`, `prompt` and `background`.",
                  "Where you set no output limit, a default is held for and written into the request. Set `max_output_tokens` to hold less, or to allow more.",
                  "Nothing is dropped in silence: what a provider has no place for is 400, and `param` names it.",
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
                The same models, in the older shape. Where a provider speaks another protocol, requests and answers are
                translated as they come.
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
                Public; with a key, the list has the models that the key may use. Beside OpenAI's members, each entry
                has `capabilities` and `pricing`: USD for one token, one search or one image, as decimal strings. The
                [models page](/models) shows the same list.
              </P>
              <Snippet title="List models" files={["models.py", "models.mjs", "models.sh"]} />
            </>
          ),
        },
        {
          id: "files",
          title: "Files",
          body: <P>PDFs are uploaded once and named in requests. See [PDF and file input](/docs/files).</P>,
        },
      ]}
    />
  );
}
