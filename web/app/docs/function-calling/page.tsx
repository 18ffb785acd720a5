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
          title: "Two requests, your function between them",
          body: (
            <>
              <P>
                `get_weather` in Python and `getWeather` in JavaScript are yours: any function that answers with JSON.
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
                "The call as it came, and its `function_call_output` with the same `call_id`: nothing is kept between the two requests.",
                "Reasoning items that came with the call, in their place. They may be sealed for the provider that wrote them; others skip them.",
                "The `tools` again: they are part of each request.",
                "On chat completions: the assistant's message with its `tool_calls`, then one `tool` message for each of them.",
              ]}
            />
          ),
        },
        {
          id: "price",
          title: "What it costs",
          body: (
            <P>
              Two requests, two charges: each for its own tokens. A function call itself has no price. Definitions of
              tools count as input.
            </P>
          ),
        },
      ]}
    />
  );
}
