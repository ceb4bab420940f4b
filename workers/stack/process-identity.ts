export * from '../../activities/process-identity.ts';
