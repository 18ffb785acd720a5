import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("web-search");

export default function WebSearchPage() {
  return (
    <Doc
      slug="web-search"
      lead="Add the `web_search` tool, and the model searches the web when it needs to."
      sections={[
        {
          id: "search",
          title: "Search the web",
          body: <Snippet title="Web search" files={["web_search.py", "web_search.mjs"]} />,
        },
        {
          id: "answer",
          title: "The response",
          body: (
            <Bullets
              items={[
                "One `web_search_call` item for each search, then the `message`.",
                "Sources are in the message's `annotations`: each `url_citation` gives the range of text that it supports.",
                "The shape is the same for every provider.",
              ]}
            />
          ),
        },
        {
          id: "price",
          title: "What it costs",
          body: (
            <P>
              Each search is one unit of the line `web_search_call`, at the model's `pricing.web_search` price. Search
              results that the model reads count as ordinary input. Set `max_tool_calls` to limit both the searches and
              the hold.
            </P>
          ),
        },
      ]}
    />
  );
}
