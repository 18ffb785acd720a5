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
                  "`make web` builds the export into `web/out`; the Python package carries it.",
                  "Pages and API have one address: the pages call the gateway that served them, and show its address in their snippets.",
                  "Files whose name has a hash are kept by browsers for good; pages are asked for again. All come compressed.",
                  "Pages run no script but their own, and are framed by nobody.",
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
              <P>Any host of files will do. The address of the API is given when the site is built:</P>
              <Listing
                title="Build for another host"
                language="curl"
                text={"cd web\nNEXT_PUBLIC_API_BASE=https://api.example.com npm run build"}
              />
              <P>And the gateway is told whose pages may use a session, in its `realrouter.toml`:</P>
              <Listing
                title="realrouter.toml"
                language="toml"
                text={'[server]\npublic_url = "https://api.example.com"\ncors_origins = ["https://www.example.com"]'}
              />
              <P>
                Both must be on the same registrable domain (`example.com` here): browsers send the cookie of a session
                to no other site.
              </P>
            </>
          ),
        },
      ]}
    />
  );
}
