/** Whether a path lies below a folder. Both are plain: without `..` and a slash at the end. */
export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** Whether it is the folder, or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || isBelow(path, folder);
}

/** Whether two folders are the same, or one lies in the other. */
export function areOneInTheOther(a: string, b: string): boolean {
  return isWithin(a, b) || isBelow(b, a);
}
