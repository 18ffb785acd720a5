import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, Note, P } from "@/components/docs/prose";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("");

export default function QuickstartPage() {
  return (
    <Doc
      slug=""
      title="Point your OpenAI client at Realrouter."
      lead="The API keeps familiar OpenAI-style routes for responses, chat completions, files, and models. Replace the base URL, use your Realrouter key, and keep your client code small."
      sections={[
        {
          id: "quickstart",
          title: "Quickstart",
          body: (
            <>
              <P>
                Install the official OpenAI SDK and set the Realrouter base URL. The dashboard will show your API key
                once when it is created.
              </P>
              <Listing
                title="Install"
                language="curl"
                text={"pip install openai   # Python\nnpm install openai   # JavaScript"}
              />
              <P>
                The snippets read the key from the environment: the SDK snippets from `REALROUTER_KEY`, the curl
                snippets from `REALROUTER_API_KEY`.
              </P>
              <Listing
                title="Your key"
                language="curl"
                text={'export REALROUTER_KEY="sk-rr-..."\nexport REALROUTER_API_KEY="$REALROUTER_KEY"'}
              />
              <P>Then send a request:</P>
              <Snippet title="First request" files={["quickstart.py", "quickstart.mjs", "quickstart.sh"]} />
              <P>That is all. The SDK snippets on the other pages use this `client`.</P>
            </>
          ),
        },
        {
          id: "key",
          title: "Get a key",
          body: (
            <>
              <P>
                [Sign up](/signup), add credit under Billing, and create a key under Keys. A key is shown only once,
                because only its digest is stored. It starts with `sk-rr-`, and can have a monthly budget, rate limits,
                an expiry and a list of allowed models.
              </P>
              <Note title="Keep the key on your server.">
                Anyone who has the key can spend from your balance, up to its limits. If a key leaks, revoke it: the
                gateway refuses all new requests with it at once.
              </Note>
            </>
          ),
        },
        {
          id: "next",
          title: "Next steps",
          body: (
            <Bullets
              items={[
                "[Endpoints](/docs/endpoints): responses, chat completions, models and files.",
                "[Tools and modalities](/docs/tools): web search, functions, images and PDFs.",
                "[Billing model](/docs/billing): what is held, charged and returned.",
                "[Errors](/docs/errors): every code, and whether the SDKs retry it automatically.",
                "[Models](/models): capabilities, context and prices, with a calculator.",
              ]}
            />
          ),
        },
      ]}
    />
  );
}
