/** Alerts that no fault here makes fire, and why not. Every other has its row in `faults/`. */
export const notFired: Readonly<Record<string, string>> = {
};
