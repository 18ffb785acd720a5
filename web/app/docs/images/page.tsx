import { Doc, docMetadata } from "@/components/docs/doc";
import { P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("images");

export default function ImagesPage() {
  return (
    <Doc
      slug="images"
      lead="Add the `image_generation` tool, and the model generates images."
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
                The image is the `result` of an `image_generation_call` item, in base64. The Python snippet above
                already saves it. In JavaScript:
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
              If the model has a price per image, each image is one unit of the line `image`, priced by its quality and
              size. Otherwise its tokens are the line `image_output`. It is never both. The [models page](/models) shows
              each model's prices.
            </P>
          ),
        },
      ]}
    />
  );
}
