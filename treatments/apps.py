from django.apps import AppConfig


class TreatmentsConfig(AppConfig):
    name = "treatments"

    def ready(self):
        from patients.erasing import RECORDS
        from patients.services import RECORD_RULES
        from treatments.models import Course, Infusion, Treatment
        from treatments.services import check_changed_patient

        RECORD_RULES.append(check_changed_patient)
        RECORDS.extend((Course, Infusion, Treatment))
