/** The partitions of a batch of imported events. */
export const importMonths = "select import_event_months(array_agg(coalesce((entry ->> 'timestamp')::timestamptz, now()))) from good"
