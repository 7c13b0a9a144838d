/** How often the event loop is looked at, in milliseconds; an idle loop shows about this much delay. */
export const loopResolutionMs = 10;
