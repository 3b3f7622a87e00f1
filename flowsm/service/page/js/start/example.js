// A flow to begin with: it fetches, asks somebody, and goes on when they approve. It needs no file.

export const EXAMPLE = {
  id: "hello", name: "Hello", start_task: "fetch_data",
  tasks: [
    { name: "fetch_data" },
    { name: "approval", task_type: "wait_for_signal" },
    { name: "process_data", parameters: { source: "fetch_data" } },
  ],
  conditions: [
    { source_task: "fetch_data", target_task_success: "approval" },
    {
      name: "approved", source_task: "approval", outcome: "approved",
      target_task_success: "process_data", target_task_failure: "end_failure",
    },
  ],
};
