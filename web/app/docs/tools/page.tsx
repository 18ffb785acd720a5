import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, DocTable, P } from "@/components/docs/prose";
import { InlineCode, rich } from "@/components/docs/rich";

export const metadata = docMetadata("tools");

const TOOLS: [string, string][] = [
  ["web_search", "The model searches the web. See [web search](/docs/web-search)."],
  ["image_generation", "The model makes an image. See [image generation](/docs/images)."],
  ["function", "Your app runs a function. See [function calling](/docs/function-calling)."],
  ["file_search", "Needs a store of vectors, which is not kept here: no model offers it yet."],
  ["code_interpreter", "The provider runs code, where a model lists it."],
  ["computer_use", "The model drives a screen that is yours, where a model lists it."],
  ["mcp", "The provider calls a server of yours, where a model lists it."],
];

export default function ToolsPage() {
  return (
    <Doc
      slug="tools"
      lead="Realrouter forwards the `tools` parameter only for tool types it can translate into OpenAI-compatible request and streaming shapes. Unknown or unsupported tool types return 400 with `unsupported_tool`."
      sections={[
        {
          id: "tools",
          title: "Tools",
          body: (
            <>
              <DocTable
                caption="Types of tools"
                head={["Tool", "What it does"]}
                rows={TOOLS.map(([name, does]) => ({
                  key: name,
                  cells: [<InlineCode key="name">{name}</InlineCode>, rich(does)],
                }))}
              />
              <P>
                Each model lists its own tools, under `capabilities.tools` of `GET /v1/models` and on the [models
                page](/models). A tool that is not in the list is refused before money moves; the message lists those
                that are.
              </P>
            </>
          ),
        },
        {
          id: "modalities",
          title: "Modalities",
          body: (
            <>
              <P>
                `input_file` are supported input modalities, not tools. PDF uploads use `purpose=user_data`, are limited
                to 25 MB per file, and each response request can include up to 50 MB of inline or referenced file
                content.
              </P>
              <Bullets
                items={[
                  "Text: every model.",
                  "Images: `input_image` parts, as a data URI or by an https address, where the model's `input_modalities` name `image`. The gateway itself fetches no address: where one may be fetched at all, the provider does it.",
                  "PDFs: `input_file` parts, by `file_id` or inline as `file_data`. See [PDF and file input](/docs/files).",
                  "Audio and video are not read: 400 `unsupported_input`.",
                ]}
              />
            </>
          ),
        },
        {
          id: "price",
          title: "What a tool costs",
          body: (
            <P>
              A search, a made image or a call that has a price of its own is a line of the charge. `max_tool_calls`
              bounds them, and with them the hold; without it, the hold is for 8.
            </P>
          ),
        },
      ]}
    />
  );
}
