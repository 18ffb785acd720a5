import { Doc, docMetadata } from "@/components/docs/doc";
import { P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("images");

export default function ImagesPage() {
  return (
    <Doc
      slug="images"
      lead="Add the `image_generation` tool, and the model makes images."
      sections={[
        {
          id: "generate",
          title: "Generate an image",
          body: <Snippet title="Image generation" files={["image_generation.py", "image_generation.mjs"]} />,
        },
        {
          id: "save",
          title: "Save it",
          body: (
            <>
              <P>
                The image is the `result` of an `image_generation_call` item, in base64. Python's snippet above saves
                it; in JavaScript:
              </P>
              <Snippet title="Save the image" files={["save_image.mjs"]} />
            </>
          ),
        },
        {
          id: "price",
          title: "What it costs",
          body: (
            <P>
              Where a model has a price by the image, each image is one unit of the line `image`, by its quality and
              size; elsewhere its tokens are the line `image_output`. Never both. See the model's prices on the [models
              page](/models).
            </P>
          ),
        },
      ]}
    />
  );
}
