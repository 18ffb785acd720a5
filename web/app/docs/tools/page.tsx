import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, DocTable, P } from "@/components/docs/prose";
import { InlineCode, rich } from "@/components/docs/rich";

export const metadata = docMetadata("tools");

const TOOLS: [string, string][] = [
  ["web_search", "The model searches the web. See [web search](/docs/web-search)."],
  ["image_generation", "The model generates an image. See [image generation](/docs/images)."],
  ["function", "Your app runs a function. See [function calling](/docs/function-calling)."],
  ["file_search", "Not offered by any model yet: it needs a vector store, and the gateway keeps none."],
  ["code_interpreter", "The provider runs code, if the model lists this tool."],
  ["computer_use", "The model controls a screen that your app provides, if the model lists this tool."],
  ["mcp", "The provider calls your MCP server, if the model lists this tool."],
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
                caption="Tool types"
                head={["Tool", "What it does"]}
                rows={TOOLS.map(([name, does]) => ({
                  key: name,
                  cells: [<InlineCode key="name">{name}</InlineCode>, rich(does)],
                }))}
              />
              <P>
                Each model lists its tools under `capabilities.tools` in `GET /v1/models`, and on the [models
                page](/models). A request with any other tool is refused before anything is held, and the message lists
                the tools that the model supports.
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
                  "Images: `input_image` parts, as a data URI or an https URL, if the model's `input_modalities` include `image`. The gateway itself fetches no URLs; if a URL is allowed, the provider fetches it.",
                  "PDFs: `input_file` parts, by `file_id` or inline as `file_data`. See [PDF and file input](/docs/files).",
                  "Audio and video are not supported: 400 `unsupported_input`.",
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
              Each search, generated image or tool call that has its own price appears as a line of the charge.
              `max_tool_calls` limits their number, and so the hold; without it, the hold covers 8.
            </P>
          ),
        },
      ]}
    />
  );
}
