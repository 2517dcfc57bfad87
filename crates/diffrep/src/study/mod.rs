//! Whole experiments out of the parts below: methods compared with each other under one budget.
mod budget;
mod check;
mod compare;
mod error;
mod exhibit;
mod plan;
mod record;
mod table;

pub use budget::Budget;
pub use compare::{Study, StudyEvent};
pub use error::StudyError;
pub use plan::{Arm, PlanFile, StudyPlan};
pub use record::{CellRecord, StudyRecord};
pub use table::{Table, accuracy, legend, markdown, tables};
