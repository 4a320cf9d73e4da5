/** Builds the page into apps/web/dist. Nothing is inlined, so that a strict content security policy holds. */
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss()],
  // For `npm run dev` beside a running `samovar up`. The Host stays as it was, so that the page's Origin is its own.
  server: {
    proxy: { "/api": { target: "http://127.0.0.1:7266", ws: true, changeOrigin: false } },
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    manifest: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What the first page needs comes in one file: each small one would be another request, before anything runs.
    chunkSizeWarningLimit: 800,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "page", tags: ["$initial"] }] } } },
  },
});
