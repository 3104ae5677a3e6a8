/** Alerts that no fault here makes fire, and why not. Every other has its row in `faults/`. */
export const notFired: Readonly<Record<string, string>> = {
  ClockNotKept: 'a virtual machine whose clock nobody keeps, as those of tests mostly are, has it waiting from its first minute on, before any fault; where it is kept, only who sets the clock of the whole machine could make it fire',
};
