export type { JobContext, JobHandler, JobHandlers, Recorder } from './job-context.js';
export type { Publisher } from './publisher.js';
export { type FactoryOptions, startFactory } from './start-factory.js';
