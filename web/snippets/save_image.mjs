import { writeFile } from "node:fs/promises";

const made = response.output.find((item) => item.type === "image_generation_call");
await writeFile("icon.png", Buffer.from(made.result, "base64"));
