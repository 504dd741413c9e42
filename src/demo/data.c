#include "demo/data.h"

#include "base/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* clang-format off */
const struct demo_name demo_first_names[] = {
    {"Aaliyah", "aaliyah"}, {"Ahmed", "ahmed"}, {"Aiko", "aiko"}, {"Akua", "akua"}, {"Alejandro", "alejandro"},
    {"Alice", "alice"}, {"Amara", "amara"}, {"Amélie", "amelie"}, {"Anders", "anders"}, {"Anjali", "anjali"},
    {"Astrid", "astrid"}, {"Ayşe", "ayse"}, {"Beatriz", "beatriz"}, {"Björn", "bjoern"}, {"Camille", "camille"},
    {"Carlos", "carlos"}, {"Charlotte", "charlotte"}, {"Chen", "chen"}, {"Chiara", "chiara"}, {"Daniel", "daniel"},
    {"David", "david"}, {"Dmitri", "dmitri"}, {"Elena", "elena"}, {"Elif", "elif"}, {"Emma", "emma"},
    {"Fatima", "fatima"}, {"Felix", "felix"}, {"Fiona", "fiona"}, {"Francesca", "francesca"}, {"Gabriel", "gabriel"},
    {"Grace", "grace"}, {"Hana", "hana"}, {"Hannah", "hannah"}, {"Henrik", "henrik"}, {"Ibrahim", "ibrahim"},
    {"Ifeoma", "ifeoma"}, {"Ingrid", "ingrid"}, {"Isabella", "isabella"}, {"Ivan", "ivan"}, {"James", "james"},
    {"Jasmin", "jasmin"}, {"João", "joao"}, {"Jonas", "jonas"}, {"José", "jose"}, {"Julia", "julia"},
    {"Kamala", "kamala"}, {"Katarzyna", "katarzyna"}, {"Kenji", "kenji"}, {"Kofi", "kofi"}, {"Lars", "lars"},
    {"Laura", "laura"}, {"Leila", "leila"}, {"Liam", "liam"}, {"Linh", "linh"}, {"Lucía", "lucia"},
    {"Lukas", "lukas"}, {"Maja", "maja"}, {"Malik", "malik"}, {"Marco", "marco"}, {"María", "maria"},
    {"Mateo", "mateo"}, {"Mei", "mei"}, {"Michael", "michael"}, {"Mohammed", "mohammed"}, {"Nadia", "nadia"},
    {"Naomi", "naomi"}, {"Nikolai", "nikolai"}, {"Noah", "noah"}, {"Nora", "nora"}, {"Olivia", "olivia"},
    {"Omar", "omar"}, {"Paula", "paula"}, {"Peter", "peter"}, {"Priya", "priya"}, {"Rahul", "rahul"},
    {"Rebecca", "rebecca"}, {"Renée", "renee"}, {"Ruth", "ruth"}, {"Samuel", "samuel"}, {"Sanjay", "sanjay"},
    {"Sara", "sara"}, {"Sofia", "sofia"}, {"Søren", "soeren"}, {"Tariq", "tariq"}, {"Tatiana", "tatiana"},
    {"Thomas", "thomas"}, {"Tomasz", "tomasz"}, {"Valentina", "valentina"}, {"Viktor", "viktor"}, {"Wei", "wei"},
    {"Yara", "yara"}, {"Yusuf", "yusuf"}, {"Zanele", "zanele"}, {"Zoë", "zoe"},
};
const size_t demo_first_name_count = COUNT(demo_first_names);

const struct demo_name demo_family_names[] = {
    {"Abebe", "abebe"}, {"Adeyemi", "adeyemi"}, {"Ali", "ali"}, {"Andersson", "andersson"}, {"Bauer", "bauer"},
    {"Becker", "becker"}, {"Bianchi", "bianchi"}, {"Brown", "brown"}, {"Carter", "carter"}, {"Castillo", "castillo"},
    {"Chowdhury", "chowdhury"}, {"Costa", "costa"}, {"Da Silva", "dasilva"}, {"Davies", "davies"}, {"Demir", "demir"},
    {"Dubois", "dubois"}, {"Evans", "evans"}, {"Fernández", "fernandez"}, {"Fischer", "fischer"}, {"Garcia", "garcia"},
    {"Gupta", "gupta"}, {"Haddad", "haddad"}, {"Hansen", "hansen"}, {"Hernández", "hernandez"}, {"Hoang", "hoang"},
    {"Horváth", "horvath"}, {"Ivanova", "ivanova"}, {"Iyer", "iyer"}, {"Jansen", "jansen"}, {"Johnson", "johnson"},
    {"Kaya", "kaya"}, {"Khan", "khan"}, {"Kim", "kim"}, {"Kowalski", "kowalski"}, {"Kumar", "kumar"},
    {"Larsen", "larsen"}, {"Lefebvre", "lefebvre"}, {"Li", "li"}, {"Lindqvist", "lindqvist"}, {"López", "lopez"},
    {"Martin", "martin"}, {"Mbeki", "mbeki"}, {"Mensah", "mensah"}, {"Meyer", "meyer"}, {"Moreau", "moreau"},
    {"Müller", "mueller"}, {"Murphy", "murphy"}, {"Nakamura", "nakamura"}, {"Nguyễn", "nguyen"}, {"Nielsen", "nielsen"},
    {"Novak", "novak"}, {"Nowak", "nowak"}, {"O'Brien", "obrien"}, {"Okafor", "okafor"}, {"Osei", "osei"},
    {"Park", "park"}, {"Patel", "patel"}, {"Pereira", "pereira"}, {"Petrov", "petrov"}, {"Popescu", "popescu"},
    {"Raman", "raman"}, {"Reyes", "reyes"}, {"Ricci", "ricci"}, {"Rossi", "rossi"}, {"Russo", "russo"},
    {"Santos", "santos"}, {"Sato", "sato"}, {"Schmidt", "schmidt"}, {"Schneider", "schneider"}, {"Singh", "singh"},
    {"Svensson", "svensson"}, {"Tanaka", "tanaka"}, {"Taylor", "taylor"}, {"Tran", "tran"}, {"Van den Berg", "vandenberg"},
    {"Wagner", "wagner"}, {"Walker", "walker"}, {"Wang", "wang"}, {"Weber", "weber"}, {"Williams", "williams"},
    {"Yamamoto", "yamamoto"}, {"Yılmaz", "yilmaz"}, {"Zhang", "zhang"}, {"Zimmermann", "zimmermann"},
};
const size_t demo_family_name_count = COUNT(demo_family_names);

const struct demo_job demo_jobs[] = {
    {20, "job-1041", "Senior Backend Engineer",
     {"Software Engineer", "Backend Developer", "Java Developer", "Platform Engineer"}, 0.10},
    {14, "job-1043", "Frontend Engineer",
     {"Frontend Developer", "Web Developer", "React Developer", "UI Engineer"}, 0.05},
    {12, "job-1046", "Data Analyst",
     {"Data Analyst", "Business Intelligence Analyst", "Statistician", "Junior Data Scientist"}, 0.15},
    {8, "job-1050", "Product Designer",
     {"UX Designer", "Interaction Designer", "Product Designer", "Visual Designer"}, 0.20},
    {9, "job-1052", "DevOps Engineer",
     {"System Administrator", "Site Reliability Engineer", "Cloud Engineer", "DevOps Engineer"}, -0.10},
    {10, "job-1057", "Customer Success Manager",
     {"Account Manager", "Customer Support Lead", "Customer Success Manager", "Sales Representative"}, 0.00},
    {8, "job-1061", "Marketing Manager",
     {"Content Strategist", "Marketing Specialist", "Brand Manager", "Campaign Manager"}, 0.05},
    {6, "job-1064", "Financial Controller",
     {"Accountant", "Senior Controller", "Audit Associate", "Finance Business Partner"}, -0.15},
    {9, "job-1068", "Registered Nurse, Intensive Care",
     {"Registered Nurse", "Nurse Practitioner", "Intensive Care Nurse", "Head Nurse"}, -0.20},
    {4, "job-1072", "Warehouse Team Lead",
     {"Warehouse Associate", "Logistics Coordinator", "Shift Supervisor", "Forklift Operator"}, -0.35},
    {0, "job-1080", "Chief Financial Officer (confidential)",
     {"Finance Director", "Vice President Finance", "Group Controller", "Head of Treasury"}, 0.00},
};
_Static_assert(COUNT(demo_jobs) == DEMO_JOB_COUNT, "the number of jobs");

#define CAREERS "https://careers.northwind.example"
const struct demo_template demo_templates[DEMO_TEMPLATE_COUNT] = {
    [TEMPLATE_RECEIVED] = {"tpl-application-received", "Application Received", "We have received your application: {job}",
        DEMO_SES, 24, .55, .08, .01, 45, false,
        {{6, CAREERS "/applications"}, {3, CAREERS "/how-we-hire"}, {1, "https://www.northwind.example/privacy"}}},
    [TEMPLATE_INTERVIEW] = {"tpl-interview-invitation", "Interview Invitation", "Interview invitation: {job}",
        DEMO_SENDGRID, 20, .68, .24, .17, 28, false,
        {{8, "https://calendar.northwind.example/book/{job}"}, {3, CAREERS "/jobs/{job}"},
         {1, "https://www.northwind.example/directions"}}},
    [TEMPLATE_REMINDER] = {"tpl-interview-reminder", "Interview Reminder", "Tomorrow: your interview for {job}",
        DEMO_SES, 8, .70, .19, .05, 20, false,
        {{5, "https://meet.northwind.example/{job}"}, {3, "https://www.northwind.example/directions"},
         {2, "https://calendar.northwind.example/change"}}},
    [TEMPLATE_UPDATE] = {"tpl-application-update", "Application Update", "About your application: {job}",
        DEMO_SES, 8, .64, .09, .04, 35, false,
        {{4, CAREERS "/jobs"}, {2, CAREERS "/feedback"}, {1, CAREERS "/talent-community"}}},
    [TEMPLATE_OFFER] = {"tpl-offer-details", "Offer Details", "Your offer: {job}",
        DEMO_GENERIC, 4, .70, .25, .30, 15, false,
        {{8, CAREERS "/offers"}, {2, "https://www.northwind.example/benefits"}, {1, "https://www.northwind.example/relocation"}}},
    [TEMPLATE_ALERT] = {"tpl-job-alert", "Job Opportunity Alert", "A role that may suit you: {job}",
        DEMO_SENDGRID, 20, .45, .15, .02, 95, true,
        {{7, CAREERS "/jobs/{job}"}, {3, CAREERS "/jobs/{job}/apply"}, {1, CAREERS "/jobs"}}},
    [TEMPLATE_NURTURE] = {"tpl-follow-up-nurture", "Follow-up Nurture", "Still interested in {job}?",
        DEMO_SENDGRID, 12, .45, .15, .05, 80, true,
        {{6, CAREERS "/jobs/{job}"}, {3, CAREERS "/stories"}, {2, "https://calendar.northwind.example/call"}}},
    [TEMPLATE_NEWS] = {"tpl-talent-news", "Talent Community News", "News from the talent community",
        DEMO_SENDGRID, 4, .41, .10, .003, 150, true,
        {{5, CAREERS "/stories"}, {4, CAREERS "/jobs"}, {2, CAREERS "/events"}}},
};

const struct demo_campaign demo_campaigns[] = {
    {"cmp-engineering", "Engineering outreach", TEMPLATE_ALERT, 0, 1, 104, 0, 95, -0.05, TRACKING_FULL},
    {"cmp-data", "Data and analytics spotlight", TEMPLATE_ALERT, 2, 2, 83, 0, 85, 0.15, TRACKING_FULL},
    {"cmp-care", "Healthcare hiring days", TEMPLATE_ALERT, 8, 4, 62, 0, 110, -0.10, TRACKING_FULL},
    {"cmp-design", "Design portfolio evening", TEMPLATE_ALERT, 3, 3, 48, 0, 90, 0.10, TRACKING_FULL},
    {"cmp-executive", "Executive search (confidential)", TEMPLATE_ALERT, DEMO_JOB_CONFIDENTIAL, 0, 39, 0, 45, 0.10,
     TRACKING_AGGREGATE},
    {"cmp-engineering-2", "Engineering outreach, second round", TEMPLATE_ALERT, 0, 1, 25, 0, 150, 0.12, TRACKING_FULL},
    {"cmp-customer", "Customer teams are growing", TEMPLATE_ALERT, 5, 5, 11, 0, 140, 0.05, TRACKING_FULL},
    {"cmp-news", "Talent community news", TEMPLATE_NEWS, -1, 5, 110, 28, 260, 0.00, TRACKING_FULL},
};
const size_t demo_campaign_count = COUNT(demo_campaigns);

const struct demo_sender demo_senders[DEMO_SENDER_COUNT] = {
    {"usr-11", DEMO_ADMIN_NAME, DEMO_ADMIN_EMAIL},
    {"usr-12", "Marcus Webb", "marcus.webb@northwind.example"},
    {"usr-14", "Leïla Haddad", "leila.haddad@northwind.example"},
    {"usr-15", "Tom Okonkwo", "tom.okonkwo@northwind.example"},
    {"usr-19", "Yuki Mori", "yuki.mori@northwind.example"},
    {"usr-20", "Talent Team", "talent@northwind.example"},
};

#define CHROME_WINDOWS                                                                                                 \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
#define CHROME_ANDROID                                                                                                 \
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile "        \
    "Safari/537.36"
#define SAFARI_IPHONE                                                                                                  \
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "   \
    "Mobile/15E148 Safari/604.1"
const struct demo_agent demo_agents[] = {
    {30, false, "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", CHROME_ANDROID},
    {22, false, "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", CHROME_WINDOWS},
    {22, true, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
               "Mobile/15E148", SAFARI_IPHONE},
    {9, true, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"},
    {12, false, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Microsoft Outlook 16.0.17531; ms-office; MSOffice 16)",
     CHROME_WINDOWS},
    {5, false, "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.10.1",
     "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"},
};
const size_t demo_agent_count = COUNT(demo_agents);

const struct demo_bounce demo_hard_bounces[DEMO_BOUNCE_TEXTS] = {
    {"5.1.1", "550 5.1.1 The email account that you tried to reach does not exist"},
    {"5.1.2", "550 5.1.2 The destination domain does not accept mail"},
    {"5.2.1", "550 5.2.1 The mailbox is disabled and does not accept messages"},
};
const struct demo_bounce demo_soft_bounces[DEMO_BOUNCE_TEXTS] = {
    {"4.2.2", "452 4.2.2 The recipient's mailbox is over quota"},
    {"4.4.1", "451 4.4.1 The destination server did not answer in time"},
    {"4.7.1", "451 4.7.1 Too many messages from this address, try again later"},
};

const char *const demo_mail_domains[] = {"mail.example", "inbox.example", "post.example", "example.com", "example.net",
                                         "example.org"};
const size_t demo_mail_domain_count = COUNT(demo_mail_domains);
/* clang-format on */
