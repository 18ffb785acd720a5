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
                The snippets read the key from the environment: those of the SDKs from `REALROUTER_KEY`, those of curl
                from `REALROUTER_API_KEY`.
              </P>
              <Listing
                title="Your key"
                language="curl"
                text={'export REALROUTER_KEY="sk-rr-..."\nexport REALROUTER_API_KEY="$REALROUTER_KEY"'}
              />
              <P>Then ask:</P>
              <Snippet title="First request" files={["quickstart.py", "quickstart.mjs", "quickstart.sh"]} />
              <P>That is all. Every later snippet of an SDK uses the `client` from here.</P>
            </>
          ),
        },
        {
          id: "key",
          title: "Get a key",
          body: (
            <>
              <P>
                [Sign up](/signup), add balance under Billing, and make a key under Keys. A key is shown once: only its
                digest is kept. It begins with `sk-rr-`, and may have a monthly budget, rates, an expiry and a list of
                models.
              </P>
              <Note title="Keep it on your server.">
                Whoever has the key spends from your balance, up to its limits. If one leaks, revoke it: every process
                refuses it from its next admission on.
              </Note>
            </>
          ),
        },
        {
          id: "next",
          title: "What to read next",
          body: (
            <Bullets
              items={[
                "[Endpoints](/docs/endpoints): responses, chat completions, models and files.",
                "[Tools and modalities](/docs/tools): web search, functions, images and PDFs.",
                "[Billing model](/docs/billing): what is held, what is charged and what comes back.",
                "[Errors](/docs/errors): every code, and whether the SDKs retry it by themselves.",
                "[Models](/models): capabilities, context and prices, with a calculator.",
              ]}
            />
          ),
        },
      ]}
    />
  );
}
