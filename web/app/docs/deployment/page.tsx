import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, P } from "@/components/docs/prose";
import { Listing } from "@/components/docs/snippet";

export const metadata = docMetadata("deployment");

export default function DeploymentPage() {
  return (
    <Doc
      slug="deployment"
      lead="The website is a client-side Next.js App Router project configured for static export. It can be hosted independently later, or served by the API server now."
      sections={[
        {
          id: "gateway",
          title: "Served by the gateway",
          body: (
            <>
              <Listing title="Build and serve" language="curl" text={"make web\nrealrouter serve"} />
              <Bullets
                items={[
                  "`make web` builds the export into `web/out`; the Python package includes it.",
                  "Pages and API share one origin: the pages call the gateway that served them, and show its address in their snippets.",
                  "Browsers cache files with a hash in their name permanently, and revalidate pages. All files are served compressed.",
                  "Pages run only their own scripts, and cannot be framed.",
                ]}
              />
            </>
          ),
        },
        {
          id: "elsewhere",
          title: "Hosted elsewhere",
          body: (
            <>
              <P>Any static file host works. Set the API's address when you build the site:</P>
              <Listing
                title="Build for another host"
                language="curl"
                text={"cd web\nNEXT_PUBLIC_API_BASE=https://api.example.com npm run build"}
              />
              <P>In the gateway's `realrouter.toml`, list the origin whose pages may use a session:</P>
              <Listing
                title="realrouter.toml"
                language="toml"
                text={'[server]\npublic_url = "https://api.example.com"\ncors_origins = ["https://www.example.com"]'}
              />
              <P>
                Both must be on the same registrable domain (`example.com` here), because browsers send the session
                cookie to no other site.
              </P>
            </>
          ),
        },
      ]}
    />
  );
}
