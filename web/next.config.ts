import type { NextConfig } from "next";

// A static export: `web/out` is the whole website, served by the gateway or by any static file host.
const config: NextConfig = {
  output: "export",
  reactStrictMode: true,
  poweredByHeader: false,
  images: { unoptimized: true },
  productionBrowserSourceMaps: false,
};

export default config;
