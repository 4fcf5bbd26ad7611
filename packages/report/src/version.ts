/** Equal to the version in package.json; a check compares them. */
export const VERSION = '0.1.0';
