#include "api/page_texts.h"

#include "base/banned.h"

static const struct page_texts english = {
    .language = "en",
    .somebody = "the sender",
    .unsubscribe_title = "Unsubscribe",
    .unsubscribe_ask = "Do you no longer want to get emails like this one from %?",
    .unsubscribe_button = "Unsubscribe",
    .unsubscribed_title = "You are unsubscribed",
    .unsubscribed = "Your wish is recorded. Emails from % no longer record whether you open them or click links.",
    .preferences_title = "What may be recorded",
    .preferences_ask = "What may emails from % record?",
    .preferences_why =
        "It helps the sender to see whether a message has reached you. Whatever you choose, you will get "
        "your emails as before.",
    .level_full = "Whether I open an email and which links I click",
    .level_clicks = "Only which links I click",
    .level_none = "Nothing",
    .unanswered = "You have not made a choice yet.",
    .save_button = "Save",
    .saved = "Your choice is saved. It holds at once, also for emails that you already got.",
    .to_preferences = "Only change what may be recorded",
    .to_unsubscribe = "Unsubscribe from these emails",
    .failed_title = "Please try again later",
    .failed = "Something went wrong on our side, and nothing was changed.",
};

static const struct page_texts german = {
    .language = "de",
    .somebody = "diesem Absender",
    .unsubscribe_title = "Abmelden",
    .unsubscribe_ask = "Möchten Sie keine E-Mails wie diese mehr von % erhalten?",
    .unsubscribe_button = "Abmelden",
    .unsubscribed_title = "Sie sind abgemeldet",
    .unsubscribed = "Ihr Wunsch ist festgehalten. E-Mails von % halten nicht mehr fest, ob Sie sie öffnen oder Links "
                    "anklicken.",
    .preferences_title = "Was festgehalten werden darf",
    .preferences_ask = "Was dürfen E-Mails von % festhalten?",
    .preferences_why = "Das hilft dem Absender zu sehen, ob eine Nachricht Sie erreicht hat. Wie Sie auch wählen: Ihre "
                       "E-Mails erhalten Sie wie bisher.",
    .level_full = "Ob ich eine E-Mail öffne und welche Links ich anklicke",
    .level_clicks = "Nur, welche Links ich anklicke",
    .level_none = "Nichts",
    .unanswered = "Sie haben noch keine Wahl getroffen.",
    .save_button = "Speichern",
    .saved = "Ihre Wahl ist gespeichert. Sie gilt sofort, auch für E-Mails, die Sie schon erhalten haben.",
    .to_preferences = "Nur ändern, was festgehalten werden darf",
    .to_unsubscribe = "Von diesen E-Mails abmelden",
    .failed_title = "Bitte versuchen Sie es später noch einmal",
    .failed = "Bei uns ist etwas schiefgegangen; es wurde nichts geändert.",
};

static const struct page_texts french = {
    .language = "fr",
    .somebody = "cet expéditeur",
    .unsubscribe_title = "Se désabonner",
    .unsubscribe_ask = "Ne souhaitez-vous plus recevoir d’e-mails comme celui-ci de la part de % ?",
    .unsubscribe_button = "Me désabonner",
    .unsubscribed_title = "Vous êtes désabonné(e)",
    .unsubscribed = "Votre demande est enregistrée. Les e-mails de % n’enregistrent plus si vous les ouvrez ou si vous "
                    "cliquez sur des liens.",
    .preferences_title = "Ce qui peut être enregistré",
    .preferences_ask = "Que peuvent enregistrer les e-mails de % ?",
    .preferences_why = "Cela aide l’expéditeur à voir si un message vous est parvenu. Quel que soit votre choix, vous "
                       "recevrez vos e-mails comme avant.",
    .level_full = "Si j’ouvre un e-mail et sur quels liens je clique",
    .level_clicks = "Seulement sur quels liens je clique",
    .level_none = "Rien",
    .unanswered = "Vous n’avez pas encore fait de choix.",
    .save_button = "Enregistrer",
    .saved = "Votre choix est enregistré. Il vaut immédiatement, y compris pour les e-mails déjà reçus.",
    .to_preferences = "Changer seulement ce qui peut être enregistré",
    .to_unsubscribe = "Se désabonner de ces e-mails",
    .failed_title = "Veuillez réessayer plus tard",
    .failed = "Une erreur est survenue de notre côté ; rien n’a été modifié.",
};

static const struct page_texts spanish = {
    .language = "es",
    .somebody = "este remitente",
    .unsubscribe_title = "Darse de baja",
    .unsubscribe_ask = "¿Ya no desea recibir correos como este de %?",
    .unsubscribe_button = "Darme de baja",
    .unsubscribed_title = "Se ha dado de baja",
    .unsubscribed = "Su deseo ha quedado registrado. Los correos de % ya no registran si los abre o si hace clic en "
                    "enlaces.",
    .preferences_title = "Qué se puede registrar",
    .preferences_ask = "¿Qué pueden registrar los correos de %?",
    .preferences_why = "Ayuda al remitente a ver si un mensaje le ha llegado. Elija lo que elija, recibirá sus correos "
                       "como hasta ahora.",
    .level_full = "Si abro un correo y en qué enlaces hago clic",
    .level_clicks = "Solo en qué enlaces hago clic",
    .level_none = "Nada",
    .unanswered = "Todavía no ha elegido.",
    .save_button = "Guardar",
    .saved = "Su elección está guardada. Vale desde ahora, también para los correos que ya ha recibido.",
    .to_preferences = "Cambiar solo lo que se puede registrar",
    .to_unsubscribe = "Darse de baja de estos correos",
    .failed_title = "Inténtelo de nuevo más tarde",
    .failed = "Algo ha fallado por nuestra parte y no se ha cambiado nada.",
};

static const struct page_texts italian = {
    .language = "it",
    .somebody = "questo mittente",
    .unsubscribe_title = "Annullare l’iscrizione",
    .unsubscribe_ask = "Non desidera più ricevere e-mail come questa da %?",
    .unsubscribe_button = "Annulla l’iscrizione",
    .unsubscribed_title = "L’iscrizione è annullata",
    .unsubscribed = "La Sua richiesta è registrata. Le e-mail di % non registrano più se Lei le apre o se fa clic sui "
                    "link.",
    .preferences_title = "Che cosa può essere registrato",
    .preferences_ask = "Che cosa possono registrare le e-mail di %?",
    .preferences_why =
        "Aiuta il mittente a vedere se un messaggio Le è arrivato. Qualunque sia la Sua scelta, riceverà "
        "le e-mail come prima.",
    .level_full = "Se apro un’e-mail e su quali link faccio clic",
    .level_clicks = "Solo su quali link faccio clic",
    .level_none = "Niente",
    .unanswered = "Non ha ancora fatto una scelta.",
    .save_button = "Salva",
    .saved = "La Sua scelta è salvata. Vale da subito, anche per le e-mail già ricevute.",
    .to_preferences = "Cambiare solo che cosa può essere registrato",
    .to_unsubscribe = "Annullare l’iscrizione a queste e-mail",
    .failed_title = "Riprovi più tardi",
    .failed = "Qualcosa è andato storto da parte nostra e nulla è stato modificato.",
};

static const struct page_texts *const all[] = {&english, &german, &french, &spanish, &italian};

/* "de", "de-AT"; NULL: none of ours. */
static const struct page_texts *find(struct slice range) {
    struct slice language;
    slice_split_next(&range, '-', &language);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (slice_equal_nocase(language, slice_cstr(all[i]->language))) return all[i];
    return NULL;
}

/* "q=0.8" in thousandths; 1000 when absent, 0 when it cannot be read. */
static int quality(struct slice parameters) {
    struct slice parameter;
    while (slice_split_next(&parameters, ';', &parameter)) {
        parameter = slice_trim(parameter);
        if (parameter.len < 2 || (parameter.ptr[0] | 0x20) != 'q' || parameter.ptr[1] != '=') continue;
        struct slice value = slice_from(parameter, 2);
        if (slice_empty(value)) return 0;
        int thousandths = value.ptr[0] == '1' ? 1000 : 0, weight = 100;
        if (value.ptr[0] != '0' && value.ptr[0] != '1') return 0;
        for (size_t i = 2; i < value.len && weight > 0 && value.ptr[1] == '.'; i++, weight /= 10) {
            if (value.ptr[i] < '0' || value.ptr[i] > '9') return 0;
            thousandths += (value.ptr[i] - '0') * weight;
        }
        return thousandths > 1000 ? 1000 : thousandths;
    }
    return 1000;
}

const struct page_texts *page_texts_for(struct slice accept_language) {
    const struct page_texts *best = &english;
    int best_quality = 0;
    struct slice item, range;
    while (slice_split_next(&accept_language, ',', &item)) {
        struct slice rest = item;
        slice_split_next(&rest, ';', &range);
        const struct page_texts *texts = find(slice_trim(range));
        int asked = texts ? quality(rest) : 0;
        if (asked <= best_quality) continue;
        best = texts;
        best_quality = asked;
    }
    return best;
}
