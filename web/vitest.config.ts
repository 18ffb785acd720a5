import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL(".", import.meta.url)) } },
  test: { environment: "happy-dom", include: ["{app,components,lib}/**/*.test.{ts,tsx}"], restoreMocks: true },
});
