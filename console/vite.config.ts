import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// Cloudscape's styles carry their fonts as data: URLs, which the policy of the pages
// does not allow: they become files beside the style sheet.
function fontsAsFiles(): Plugin {
  return {
    name: "fonts-as-files",
    enforce: "post", // after the style sheet was put together
    generateBundle(_, bundle) {
      for (const asset of Object.values(bundle)) {
        if (asset.type !== "asset" || !asset.fileName.endsWith(".css")) continue;
        let count = 0;
        asset.source = String(asset.source).replace(/data:font\/woff2;base64,([A-Za-z0-9+/=]+)/g, (_url, data: string) => {
          const fileName = `font-${++count}.woff2`;
          this.emitFile({ type: "asset", fileName, source: Buffer.from(data, "base64") });
          return fileName;
        });
      }
    },
  };
}

// What is built is committed and embedded in the binary: names without hashes,
// one script and one style sheet, nothing that differs from one build to the next.
export default defineConfig({
  base: "./",
  plugins: [react(), fontsAsFiles()],
  build: {
    outDir: "../internal/console/dist",
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: "es2022",
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      output: {
        entryFileNames: "app.js",
        assetFileNames: (asset) => (asset.names[0]?.endsWith(".css") ? "app.css" : "[name][extname]"),
        codeSplitting: false,
      },
    },
  },
});
