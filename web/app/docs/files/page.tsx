import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("files");

export default function FilesPage() {
  return (
    <Doc
      slug="files"
      lead="Upload a PDF once, and use it in as many requests as you like."
      sections={[
        {
          id: "upload",
          title: "Upload a PDF",
          body: (
            <>
              <Snippet title="Upload" files={["upload.sh"]} />
              <P>The response is a file object; its `id` starts with `file-`. Uploads are free.</P>
            </>
          ),
        },
        {
          id: "ask",
          title: "Use it in a request",
          body: (
            <>
              <P>The JavaScript snippet uses the `id` of an upload. The Python snippet also uploads the file.</P>
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
                "PDF uploads use `purpose=user_data` and are limited to 25 MB per file. The type is determined by the content, not by the file name.",
                "Each response request can include up to 50 MB of inline or referenced file content, images included, and refer to at most 100 files.",
                "`input_file` parts are an input modality, not a tool: the model must list `file` among its input modalities.",
                "On chat completions the part is `file`, with the same `file_id`.",
                "A file belongs to the key's account. Other accounts get 404 `file_not_found`.",
                "A file is kept until you delete it or it expires. To set an expiry, from an hour to 30 days, send `expires_after[anchor]=created_at` and `expires_after[seconds]` with the upload.",
              ]}
            />
          ),
        },
      ]}
    />
  );
}
