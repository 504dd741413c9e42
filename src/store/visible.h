/* visible: what a hiring manager may see, as conditions of SQL. Internal to store/. Every statement that shows emails,
 * candidates or figures to people has one: rows of others are not found, rather than thrown away afterwards.
 * $1 is the organization in all of these statements. `user` is the parameter that holds the user whose jobs alone may
 * be seen, 0 for callers who see everything (struct api_call jobs_of). */
#ifndef INKLING_STORE_VISIBLE_H
#define INKLING_STORE_VISIBLE_H

#define JOBS_OF(user) "(SELECT job_id FROM user_jobs WHERE organization_id = $1 AND user_id = " user ")"

/* `job`: the column with the id of an email's or a cohort's job. */
#define JOB_VISIBLE(user, job) "(CAST(" user " AS BIGINT) = 0 OR " job " IN " JOBS_OF(user) ")"

/* `candidate`: the column with the candidate's id. They are visible with their first email about such a job. */
#define CANDIDATE_VISIBLE(user, candidate)                                                                             \
    "(CAST(" user " AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM email_logs ve JOIN cohorts vc"                             \
    " ON vc.organization_id = ve.organization_id AND vc.id = ve.cohort_id WHERE ve.organization_id = $1"               \
    " AND ve.recipient_id = " candidate " AND vc.job_id IN " JOBS_OF(user) "))"

#endif
