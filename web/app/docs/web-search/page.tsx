import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("web-search");

export default function WebSearchPage() {
  return (
    <Doc
      slug="web-search"
      lead="Add the `web_search` tool, and the model searches when it needs to."
      sections={[
        {
          id: "search",
          title: "Search the web",
          body: <Snippet title="Web search" files={["web_search.py", "web_search.mjs"]} />,
        },
        {
          id: "answer",
          title: "What comes back",
          body: (
            <Bullets
              items={[
                "One `web_search_call` item for each search, then the `message`.",
                "Sources stand in the message's `annotations`, as `url_citation` with the place in the text that they support.",
                "The shape is the same whichever provider answers.",
              ]}
            />
          ),
        },
        {
          id: "price",
          title: "What it costs",
          body: (
            <P>
              Each search is one unit of the line `web_search_call`, at the price under `pricing.web_search` of the
              model. What the model reads of the results is input like any other. Set `max_tool_calls` to bound both the
              searches and the hold.
            </P>
          ),
        },
      ]}
    />
  );
}
