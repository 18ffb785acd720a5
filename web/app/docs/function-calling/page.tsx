import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("function-calling");

export default function FunctionCallingPage() {
  return (
    <Doc
      slug="function-calling"
      lead="Function calling is stateless. Realrouter returns `function_call` items or chat `tool_calls`; your app runs the function and sends the result back with the relevant conversation context."
      sections={[
        {
          id: "call",
          title: "Two requests, with your function in between",
          body: (
            <>
              <P>
                `get_weather` in Python and `getWeather` in JavaScript are your own: any function that returns JSON.
              </P>
              <Snippet title="Function calling" files={["function_calling.py", "function_calling.mjs"]} />
            </>
          ),
        },
        {
          id: "context",
          title: "What to send back",
          body: (
            <Bullets
              items={[
                "The call, unchanged, and its `function_call_output` with the same `call_id`, because nothing is stored between the two requests.",
                "Any reasoning items that came with the call, in their original position. They may be sealed for the provider that generated them; other providers do not receive them.",
                "The `tools` again, because they are part of each request.",
                "On chat completions: the assistant message with its `tool_calls`, then one `tool` message for each call.",
              ]}
            />
          ),
        },
        {
          id: "price",
          title: "What it costs",
          body: (
            <P>
              Two requests mean two charges, each for its own tokens. A function call itself is free. Tool definitions
              count as input.
            </P>
          ),
        },
      ]}
    />
  );
}
