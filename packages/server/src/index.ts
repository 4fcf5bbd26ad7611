export { PASSWORD_COST } from './access/password.js';
export { ALL_ROLES, RIGHTS, ROLES, type Role } from './access/rights.js';
export { type AdminOptions, administer } from './admin/administer.js';
export type { AdminRequest, AdminResult } from './admin/operation.js';
export { openArtefactStore } from './artefact/open-store.js';
export { type RestoredBackup, restoreBackup } from './backup/restore.js';
export type { ServerOptions } from './service.js';
export { type RunningServer, startServer } from './start-server.js';
export { startWorker, type WorkerOptions } from './start-worker.js';
