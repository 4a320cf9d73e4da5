/** Prints the user data of the server that becomes the image: `node infra/image/user-data.ts`. */
import { renderImageUserData } from "@samovar/cloud-init";

process.stdout.write(renderImageUserData());
