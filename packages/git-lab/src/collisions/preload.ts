import { hashWithoutHeaders } from "./without-headers.ts";

hashWithoutHeaders();
