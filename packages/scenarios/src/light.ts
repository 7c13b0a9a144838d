/** Whether this is the run on a second Node, which takes a sample of the big matrices. */
export const isLight: boolean = process.env.MILLRACE_LIGHT !== undefined;
