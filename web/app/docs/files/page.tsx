import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("files");

export default function FilesPage() {
  return (
    <Doc
      slug="files"
      lead="Upload a PDF once, and name it in as many requests as you like."
      sections={[
        {
          id: "upload",
          title: "Upload a PDF",
          body: (
            <>
              <Snippet title="Upload" files={["upload.sh"]} />
              <P>The answer is a file object; its `id` begins with `file-`. An upload costs nothing.</P>
            </>
          ),
        },
        {
          id: "ask",
          title: "Ask about it",
          body: (
            <>
              <P>In JavaScript with the `id` of an upload; in Python with the upload made by the SDK, all in one.</P>
              <Snippet title="PDF input" files={["pdf_input.py", "pdf_input.mjs"]} />
            </>
          ),
        },
        {
          id: "limits",
          title: "Limits",
          body: (
            <Bullets
              items={[
                "PDF uploads use `purpose=user_data` and are limited to 25 MB per file. What a file is is judged by its content, not by its name.",
                "Each response request can include up to 50 MB of inline or referenced file content, images included, and refer to at most 100 files.",
                "`input_file` parts are an input modality, not a tool: the model must list `file` among its input modalities.",
                "On chat completions the part is `file`, with the same `file_id`.",
                "A file belongs to the account of the key. To any other it is as if it had never been: 404 `file_not_found`.",
                "It ends when you delete it, or by itself: send `expires_after[anchor]=created_at` and `expires_after[seconds]` with the upload, from an hour to 30 days.",
              ]}
            />
          ),
        },
      ]}
    />
  );
}
