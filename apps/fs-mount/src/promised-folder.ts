/**
 * In a mount's root, the name of a folder that git borrows objects from (gitrepository-layout, "objects"): while somebody writes an index, it
 * has the mounted commit's files, whether they are here or not. It is listed nowhere, and no working tree can have such a name.
 */
export const PROMISED_FOLDER = ".git:millrace-promised";
